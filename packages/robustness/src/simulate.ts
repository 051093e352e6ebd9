process.stdout.write("nothing is simulated yet\n");
